/** A mount's place as it is compared: without doubled slashes, nor one at the end. */
export const placeOf = (target: string): string =>
  target.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");
