// Loaded before Azurite: ends it when the pipe on standard input closes, so that it never outlives its parent.
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM"));
process.stdin.resume();
