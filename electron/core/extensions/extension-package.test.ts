import { describe, expect, test } from "vitest";
import { parseManifest } from "./extension-package.ts";
import { parseAnswer } from "./panel-server.ts";

const sound = {
  ...{ manifest: 1, name: "x", title: "X", version: "1.0", description: "d" },
  ...{ image: { kind: "starter" }, command: ["/bin/x"], panel: { command: ["/bin/p"] } },
};

describe("a manifest", () => {
  test("has what it does not say filled in", () => {
    expect(parseManifest(JSON.stringify(sound), "/p")).toMatchObject({
      ...{ actions: [], permissions: [], restart: "always" },
    });
  });

  const wrong: [what: string, change: object, said: RegExp][] = [
    ["a misspelt key", { panle: {} }, /panle/],
    ["nothing that it contributes", { panel: undefined }, /panel or an action/],
    ["a name that is a path", { name: "../x" }, /name/],
    ["a permission that there is not", { permissions: ["host.root"] }, /permissions/],
    ["a later form", { manifest: 2 }, /manifest/],
    [
      "two actions of one id",
      { actions: [1, 2].map(() => ({ id: "a", title: "A", command: ["/a"] })) },
      /same id/,
    ],
  ];
  test.each(wrong)("is refused for %s", (_what, change, said) => {
    expect(() => parseManifest(JSON.stringify({ ...sound, ...change }), "/p")).toThrow(said);
  });

  test("that is not JSON is refused", () => {
    expect(() => parseManifest("{", "/p")).toThrow(/not JSON/);
  });
});

describe("a panel's answer", () => {
  test("is a status, a type and a body", () => {
    const text = "HTTP/1.0 404 Not found\r\nA: b\r\nContent-Type: text/html\r\n\r\nno\r\n\r\n";
    const { body, ...head } = parseAnswer(Buffer.from(text));
    expect(head).toEqual({ status: 404, type: "text/html" });
    expect(body.toString()).toBe("no\r\n\r\n");
  });

  test.each(["", "hello", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\n"])(
    "that is none is refused: %j",
    (text) => {
      expect(() => parseAnswer(Buffer.from(text))).toThrow(/did not answer/);
    },
  );

  test("can't add header lines by its type", () => {
    const { type } = parseAnswer(Buffer.from("HTTP/1.0 200 OK\r\nContent-Type: a\u0001b\r\n\r\n"));
    expect(type).toBe("text/plain; charset=utf-8");
  });
});
