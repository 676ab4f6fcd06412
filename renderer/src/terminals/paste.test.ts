import { expect, it } from "vitest";
import { hasSeveralLines, pastable } from "./paste.ts";

it("leaves text, tabs and line ends as they are", () => {
  const text = "if true; then\n\techo “é日👩”\r\nfi\n";
  expect(pastable(text)).toBe(text);
});

it("lets nothing end the brackets around it", () => {
  expect(pastable("ls \u001b[201~\nrm -rf /srv\n")).toBe("ls [201~\nrm -rf /srv\n");
  expect(pastable("ls \u009b201~\u0003\u007f")).toBe("ls 201~");
});

it("tells several lines from one that ends", () => {
  expect(hasSeveralLines("ls\n")).toBe(false);
  expect(hasSeveralLines("a\rb")).toBe(true);
});
