// Subscribes by actionflow.js and prints a line of JSON for everything it is told.
// node watcher.mjs CLIENT URL KEY; a line on standard input closes the subscription.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [client, url, key] = process.argv.slice(2);
const { connect } = await import(pathToFileURL(client).href);
const say = (told) => console.log(JSON.stringify(told));

const api = connect(url, async () => key);
const live = api.subscribe(
  "order",
  { user_id: "node" },
  (change, { tables }) => say({ ...change, held: [...tables.get("order").keys()] }),
  { onStatus: (status, problem) => say({ status, code: problem?.code }) },
);
for await (const _ of createInterface({ input: process.stdin })) live.close();
