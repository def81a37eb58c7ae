// Loaded before Azurite, so that 60,000 blobs take no longer each than 60. What it answers stays the same.
//
// - Every minute it looks for messages' contents that nobody refers to any more, and sorts all that is left after each
//   one it forgets. They may stay: it lives for hours, and a message takes a kilobyte.
// - It looks a blob up by its account first and goes through all blobs of the account; the name's index finds it at once.
// - After each list of messages that it changes or deletes, even an empty one, it sorts all others, four times. Done one
//   by one, its indexes stay sorted: what it changes of a message is in none of them.
const DAY_MS = 24 * 60 * 60 * 1000;
const MOST_ONE_BY_ONE = 32;
const TELLING = ["name", "messageId"];

for (const service of ["blob", "queue"]) {
  require(`azurite/dist/src/${service}/utils/constants`).DEFAULT_GC_INTERVAL_MS = DAY_MS;
}

const { Collection, Resultset } = require("lokijs");
const { find } = Resultset.prototype;
const { removeBatch, removeBatchByPositions, update } = Collection.prototype;

Resultset.prototype.find = function (query, firstOnly) {
  const telling = TELLING.find((key) => typeof query?.[key] === "string");
  return find.call(this, telling ? { [telling]: query[telling], ...query } : query, firstOnly);
};

Collection.prototype.removeBatch = function (batch) {
  const few = batch.length <= MOST_ONE_BY_ONE;
  return few ? batch.forEach((each) => this.remove(each)) : removeBatch.call(this, batch);
};

Collection.prototype.removeBatchByPositions = function (positions) {
  const few = positions.length <= MOST_ONE_BY_ONE;
  return few ? this.removeBatch(positions.map((at) => this.data[at])) : removeBatchByPositions.call(this, positions);
};

Collection.prototype.update = function (changed) {
  const few = Array.isArray(changed) && changed.length <= MOST_ONE_BY_ONE;
  return few ? changed.forEach((each) => this.update(each)) : update.call(this, changed);
};
