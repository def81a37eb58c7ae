// Loaded before Azurite: ends it when the pipe on standard input closes, so that it never outlives its parent.
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM"));
process.stdin.resume();
// Nor does the pipe keep it alive: once it was asked to end, and has closed its services, nothing is left to wait for.
process.stdin.unref?.();
