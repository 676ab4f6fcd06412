/**
 * What of a pasted text reaches a program: no control characters but tabs and line ends, as other terminals have it.
 * An escape in it could end the brackets around it (ESC [ 201 ~), and what follows would run as if it had been typed.
 */
export function pastable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/gu, "");
}

/** Whether a program that does not ask for brackets would run a part of it before one has seen the rest. */
export function hasSeveralLines(text: string): boolean {
  return /\r|\n/u.test(text.trim());
}
