import { expect, test } from "vitest";
import { parsePorts, portWords } from "./port-words.ts";

test("ports are read as docker's --publish reads them", () => {
  for (const [text, ports] of [
    ["80", [{ containerPort: 80, protocol: "tcp" }]],
    [":80", [{ containerPort: 80, protocol: "tcp" }]],
    ["8080:80", [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }]],
    ["0:80", [{ containerPort: 80, protocol: "tcp" }]],
    ["80/TCP", [{ containerPort: 80, protocol: "tcp" }]],
    ["53/udp", [{ containerPort: 53, protocol: "udp" }]],
    ["127.0.0.1::80", [{ hostIp: "127.0.0.1", containerPort: 80, protocol: "tcp" }]],
    ["[::1]:8080:80", [{ hostIp: "::1", hostPort: 8080, containerPort: 80, protocol: "tcp" }]],
    [
      "8000-8001:80-81",
      [
        { hostPort: 8000, containerPort: 80, protocol: "tcp" },
        { hostPort: 8001, containerPort: 81, protocol: "tcp" },
      ],
    ],
  ] as const) {
    expect(parsePorts(text)).toEqual({ ok: true, ports });
  }
});

test("what is no port is said", () => {
  for (const text of ["", "http", "0", "70000", "8000-8001:80", "82-80", "80/sctp", "a:80"]) {
    expect(parsePorts(text)).toMatchObject({ ok: false, message: expect.any(String) });
  }
});

test("a port in words", () => {
  expect(portWords({ hostPort: 8080, containerPort: 80, protocol: "tcp" })).toBe("8080 → 80");
  expect(portWords({ hostIp: "127.0.0.1", hostPort: 53, containerPort: 53, protocol: "udp" })).toBe(
    "127.0.0.1:53/udp",
  );
  expect(portWords({ containerPort: 80, protocol: "tcp" })).toBe("a free one → 80");
});
