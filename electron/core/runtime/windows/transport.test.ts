import { expect, it } from "vitest";
import { type Transport, listeningShims, shimId, shimPipe } from "./transport.ts";

const paths = { data: "C:\\data", state: "C:\\state" };

it("names a shim's pipe as hcsshim does", () => {
  expect(shimPipe({ namespace: "default", id: "web" })).toBe(
    "ProtectedPrefix\\Administrators\\containerd-shim-default-web-pipe",
  );
});

it("finds this root's shims by their pipes, whatever dashes their names have, and no others", async () => {
  const refs = [
    { namespace: "default", id: "web" },
    { namespace: "a-b", id: "c-d.e-f" },
    { namespace: "a", id: "b-c-d.e-f" },
  ];
  const pipe = (ref: { namespace: string; id: string }, own = paths): string =>
    shimPipe({ namespace: ref.namespace, id: shimId(own, ref) });
  const names = [
    ...refs.map((ref) => pipe(ref)),
    pipe({ namespace: "default", id: "theirs" }, { ...paths, data: "C:\\other" }),
    shimPipe({ namespace: "k8s.io", id: "0123456789abcdef" }),
    "containerd-shim-default-web-log",
    "lsass",
  ];
  const transport: Transport = { address: (name) => name, names: () => Promise.resolve(names) };
  expect(await listeningShims(transport, paths)).toEqual(refs);
});
