/** Calls open at once for what is done to many. The core takes 256 of a window, whose lists, logs and terminals need theirs. */
const atOnce = 64;

/** What `act` gives for each item, in their order, as Promise.all does; but only so many are under way at once. */
export async function allBounded<T, R>(
  items: readonly T[],
  act: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of left) results[index] = await act(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work));
  return results;
}
