// The engine's own thread: waits for a port, and serves what comes through it.

import { serve } from "./service.js";

if (typeof self !== "undefined" && typeof self.postMessage === "function") {
  self.onmessage = ({ data: { port } }) => serve(port);
} else {
  const { workerData } = await import(/* @vite-ignore */ /* webpackIgnore: true */ "node:worker_threads");
  serve(workerData.port);
}
