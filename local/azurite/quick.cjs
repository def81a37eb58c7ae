// Loaded before Azurite, so that 60,000 blobs take no longer each than 60. What it answers stays the same.
//
// - Every minute it looks for messages' contents that nobody refers to any more, and sorts all that is left after each
//   one it forgets. They may stay: it lives for hours, and a message takes a kilobyte.
// - It looks a blob up by its account first and goes through all blobs of the account; the name's index finds it at once.
// - After each message that is deleted it sorts all others, four times. Taken out one by one, the indexes stay sorted.
const DAY_MS = 24 * 60 * 60 * 1000;
const MOST_TAKEN_OUT_SINGLY = 32;
const TELLING = ["name", "messageId"];

for (const service of ["blob", "queue"]) {
  require(`azurite/dist/src/${service}/utils/constants`).DEFAULT_GC_INTERVAL_MS = DAY_MS;
}

const { Collection, Resultset } = require("lokijs");
const { find } = Resultset.prototype;
const { removeBatchByPositions } = Collection.prototype;

Resultset.prototype.find = function (query, firstOnly) {
  const telling = TELLING.find((key) => typeof query?.[key] === "string");
  return find.call(this, telling ? { [telling]: query[telling], ...query } : query, firstOnly);
};

Collection.prototype.removeBatchByPositions = function (positions) {
  if (positions.length > MOST_TAKEN_OUT_SINGLY) {
    return removeBatchByPositions.call(this, positions);
  }
  positions.map((position) => this.data[position]).forEach((document) => this.remove(document));
};
