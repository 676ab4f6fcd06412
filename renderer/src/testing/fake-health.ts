import type { Container } from "#shared/contract/containers";
import type { Health, HealthResult } from "#shared/contract/health";
import type { AppContract } from "#shared/contract/index";
import { AppError } from "#shared/errors";
import type { Handlers } from "#shared/rpc/define";
import { type FakeList, pause } from "./fake-list.ts";

const minute = 60_000;

function result(ago: number, exitCode: number | undefined, output: string): HealthResult {
  const startedAt = Date.now() - ago;
  return {
    ...{ startedAt, endedAt: startedAt + 42, output },
    ...(exitCode === undefined ? {} : { exitCode }),
  };
}

/** A history that goes with the status that the list has. */
function fakeHealth({ state }: Container): Health {
  const status = state.health;
  if (status === undefined) return { failingStreak: 0, results: [] };
  const watchedSince = Date.now() - 5 * minute;
  if (status === "starting") return { status, failingStreak: 0, results: [], watchedSince };
  const good = [4, 3, 2].map((ago) => result(ago * minute, 0, "accepting connections\n"));
  if (status === "healthy") return { status, failingStreak: 0, results: good, watchedSince };
  const refused = "curl: (7) Failed to connect to localhost port 443: Connection refused\n";
  const bad = [result(1.5 * minute, 7, refused), result(minute, 7, refused)];
  const late = result(0.5 * minute, undefined, "It was killed after 30 s");
  return { status, failingStreak: 3, results: [...good, ...bad, late], watchedSince };
}

export function fakeHealthHandlers(
  containers: FakeList<Container>,
): Pick<Handlers<AppContract>["containers"], "watchHealth"> {
  return {
    async *watchHealth({ id }, { signal }) {
      const container = containers.items.get(id);
      if (!container) throw new AppError("NOT_FOUND", "There is no such container");
      yield fakeHealth(container);
      while (!signal.aborted) await pause(minute, signal);
    },
  };
}
