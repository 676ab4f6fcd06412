/** What is sent to a closed port is taken away from who sends it, and given to nobody. */
const { port1: nowhere } = new MessageChannel();
nowhere.close();

/**
 * Frees the memory of a buffer at once; its views are empty then. For what is allocated by the megabyte: a garbage
 * collector that learns of every one, and of nothing else, would be at work all the time.
 */
export function freeMemory(buffer: ArrayBuffer): void {
  nowhere.postMessage(undefined, [buffer]);
}
