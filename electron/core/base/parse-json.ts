/** The value of a JSON text; undefined when it is none, which no schema but an optional one takes. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
