import type { WindowConnections } from "../queries/client.tsx";
import { FakeCore } from "./fake-client.ts";
import { fakeContainers, manyContainers } from "./fake-data.ts";
import { fakeTransfers, manyImages } from "./fake-images.ts";
import { goTo, pages } from "../state/layout.ts";
import { setRowError } from "../state/row-errors.ts";

/**
 * `?fake` gives one container of each state, `?fake=1000` so many, `?fake=0` an empty machine.
 * `&rootless` an ordinary user; `&errors` some rows that failed; `&images=200` so many images; `&pulling`
 * images that come and go; `&page=images` where to begin.
 */
export function fakeFromAddress(search: string): WindowConnections | undefined {
  const parameters = new URLSearchParams(search);
  const fake = parameters.get("fake");
  if (fake === null) return undefined;
  const containers = fake === "" ? fakeContainers() : manyContainers(Number(fake));
  const empty = containers.length === 0;
  const core = new FakeCore({
    containers,
    delay: 900,
    rootless: parameters.has("rootless"),
    ...(parameters.has("images")
      ? { images: manyImages(containers, Number(parameters.get("images"))) }
      : {}),
    ...(parameters.has("pulling") ? { transfers: fakeTransfers() } : {}),
    ...(empty ? { operations: [], checkpoints: [], events: [] } : {}),
  });
  const page = pages.find((each) => each === parameters.get("page"));
  if (page) goTo(page);
  if (parameters.has("errors")) {
    const failed = containers[1];
    if (failed) {
      setRowError(failed.id, {
        title: "Could not stop",
        error: {
          code: "DEADLINE_EXCEEDED",
          message: "It did not end within 10 s, and SIGKILL did not reach it",
          details: {
            hint: "A process may hang in the kernel: look at its processes",
            output: "runc kill: container not running",
          },
        },
      });
    }
  }
  return core.connections;
}
