#!/usr/bin/env bash
# Renews the libraries of the studio: fetched from npm at the versions of vendor_frontend/package-lock.json,
# bundled by esbuild into engine/web/static/studio/vendor, with their licences. Run by hand; its output is committed.
#   scripts/vendor_frontend.sh            the locked versions
#   scripts/vendor_frontend.sh --update   after changing versions in package.json: writes a new lock file
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$here/vendor_frontend
target=$here/../engine/web/static/studio/vendor
tests=$here/../tests/acceptance/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$source"/package.json "$source"/codemirror.js "$work"
cd "$work"
if [ "${1:-}" = --update ]; then
  npm install --ignore-scripts --no-audit --no-fund
  cp package-lock.json "$source"
else
  cp "$source"/package-lock.json .
  npm ci --ignore-scripts --no-audit --no-fund
fi
# No install script runs; esbuild's own program is called where npm put it for this machine.
esbuild=$(ls node_modules/@esbuild/*/bin/esbuild | head -1)
options=(--bundle --minify --format=esm --target=es2022 --legal-comments=none --charset=utf8)
mkdir -p "$target" "$tests"
"$esbuild" codemirror.js "${options[@]}" --outfile="$target/codemirror.js"
echo 'export { Graph, layout } from "@dagrejs/dagre";' > dagre.js
"$esbuild" dagre.js "${options[@]}" --outfile="$target/dagre.js"
# For `tsc --checkJs` over the studio's own files: what a bundle exports, of any type.
for bundle in codemirror dagre; do
  node --input-type=module -e '
    import { readFileSync } from "node:fs";
    const [, names] = /export\s*\{([^}]*)\};?\s*$/.exec(readFileSync(process.argv[1], "utf8"));
    const all = names.split(",").map((one) => one.trim().split(" as ").at(-1)).sort();
    console.log("// Written by scripts/vendor_frontend.sh.");
    for (const name of all) console.log(`export const ${name}: any;`);
  ' "$target/$bundle.js" > "$target/$bundle.d.ts"
done
{
  echo "Libraries bundled in this folder by scripts/vendor_frontend.sh, and their licences."
  for folder in node_modules/@codemirror/* node_modules/@lezer/* node_modules/@dagrejs/* \
    node_modules/@marijn/* node_modules/crelt node_modules/style-mod node_modules/w3c-keyname; do
    licence=$(ls "$folder"/LICENSE* 2>/dev/null | head -1) || true
    [ -n "$licence" ] || continue
    printf '\n%s\n' "----------------------------------------------------------------------"
    node -p "const p = require('./$folder/package.json'); p.name + ' ' + p.version + ' (' + p.license + ')'"
    echo
    cat "$licence"
  done
} > "$target/LICENSES.txt"
# The accessibility checker of the browser tests; it does not travel in the wheel.
gzip -9 -n -c node_modules/axe-core/axe.min.js > "$tests/axe.min.js.gz"
cat node_modules/axe-core/LICENSE node_modules/axe-core/LICENSE-3RD-PARTY.txt > "$tests/axe.LICENSE.txt"
ls -l "$target" "$tests"
