// Loaded before an Azurite in memory. Every minute it looks for messages' contents that nobody refers to any more, and
// sorts all that is left after each one it forgets: ten minutes after the first 10,000 messages it stops answering for
// minutes. It lives for hours at most, and a message takes a kilobyte, so it may as well keep them.
const DAY_MS = 24 * 60 * 60 * 1000;

for (const service of ["blob", "queue"]) {
  require(`azurite/dist/src/${service}/utils/constants`).DEFAULT_GC_INTERVAL_MS = DAY_MS;
}
