// Written by scripts/vendor_frontend.sh.
export const Graph: any;
export const layout: any;
