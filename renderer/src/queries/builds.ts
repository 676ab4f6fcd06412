import { useCallback, useEffect, useState } from "react";
import type { BuildLine } from "#shared/contract/images";
import type { AppContract } from "#shared/contract/index";
import { AppError } from "#shared/errors";
import type { Client } from "#shared/rpc/define";
import { notify } from "../components/notices.ts";
import { type BuildRequest, endBuild, putBuild } from "../state/builds.ts";
import { showBuild } from "../state/dock.ts";
import { openOverlay } from "../state/overlays.ts";
import { useClient } from "./client.tsx";

/** Ends the call of a build, and so the build. */
const running = new Map<string, AbortController>();

/** Begins a build, and shows its log in the dock. */
export function useStartBuild(): (request: BuildRequest) => void {
  const client = useClient();
  return useCallback((request) => void build(client, request), [client]);
}

export function cancelBuild(id: string): void {
  running.get(id)?.abort();
}

async function build(client: Client<AppContract>, request: BuildRequest): Promise<void> {
  const id = crypto.randomUUID();
  const abort = new AbortController();
  running.set(id, abort);
  putBuild({ id, request, status: "running", startedAt: Date.now() });
  showBuild(id, request.name);
  try {
    const { signal } = abort;
    const image = await client.call("images.build", { buildId: id, ...request }, { signal });
    endBuild(id, { status: "done", imageId: image.id });
    notify({
      tone: "good",
      title: `${request.name} is built`,
      action: { label: "Run it", run: () => openOverlay({ kind: "create", imageId: image.id }) },
    });
  } catch (thrown) {
    const error = AppError.from(thrown).toInfo();
    endBuild(
      id,
      error.code === "CANCELLED" ? { status: "cancelled" } : { status: "failed", error },
    );
  } finally {
    running.delete(id);
  }
}

/** Lines that are kept; a build that writes more loses its first ones here. */
const mostLines = 20_000;

interface BuildLog {
  lines: readonly BuildLine[];
  /** How many of the first ones were let go. */
  dropped: number;
  ended: boolean;
  error?: unknown;
}

const nothing: BuildLog = { lines: [], dropped: 0, ended: false };

/** What a build says, from its first line on. Another build is another one: give it a key. */
export function useBuildLog(buildId: string): BuildLog {
  const client = useClient();
  const [log, setLog] = useState(nothing);
  useEffect(() => {
    const abort = new AbortController();
    void followLog(client, buildId, abort.signal, setLog);
    return () => abort.abort();
  }, [client, buildId]);
  return log;
}

async function followLog(
  client: Client<AppContract>,
  buildId: string,
  signal: AbortSignal,
  set: (update: (before: BuildLog) => BuildLog) => void,
): Promise<void> {
  let waiting: BuildLine[] = [];
  let frame: number | undefined;
  const flush = (): void => {
    const fresh = waiting;
    waiting = [];
    frame = undefined;
    if (!signal.aborted) set((before) => appended(before, fresh));
  };
  const end = (last: Partial<BuildLog>): void => {
    flush();
    if (!signal.aborted) set((before) => ({ ...before, ...last, ended: true }));
  };
  try {
    for await (const line of client.stream("images.watchBuild", { buildId }, { signal })) {
      waiting.push(line);
      // Many lines come at once: they are drawn once a frame.
      frame ??= requestAnimationFrame(flush);
    }
    end({});
  } catch (error) {
    end({ error });
  }
}

function appended(log: BuildLog, fresh: readonly BuildLine[]): BuildLog {
  if (fresh.length === 0) return log;
  const lines = [...log.lines, ...fresh];
  const over = Math.max(0, lines.length - mostLines);
  return { ...log, lines: over > 0 ? lines.slice(over) : lines, dropped: log.dropped + over };
}
