const revisions = new WeakMap<object, number>();
let last = 0;

/**
 * A number that is another one for another object. Query keys are compared as JSON, and that of a Map says nothing
 * of what is in it.
 */
export function revisionOf(value: object): number {
  let revision = revisions.get(value);
  if (revision === undefined) {
    revision = last += 1;
    revisions.set(value, revision);
  }
  return revision;
}
