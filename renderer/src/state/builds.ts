import { create } from "zustand";
import type { ErrorInfo } from "#shared/errors";

/** What a build was asked to do, as images.build takes it. */
export interface BuildRequest {
  context: string;
  dockerfile?: string | undefined;
  target?: string | undefined;
  args: Record<string, string>;
  name: string;
  noCache?: boolean | undefined;
}

export interface Build {
  id: string;
  request: BuildRequest;
  status: "running" | "done" | "failed" | "cancelled";
  startedAt: number;
  endedAt?: number;
  imageId?: string;
  error?: ErrorInfo;
}

/** The builds that this window began. */
export const useBuilds = create<{ builds: ReadonlyMap<string, Build> }>(() => ({
  builds: new Map(),
}));

export function putBuild(build: Build): void {
  useBuilds.setState(({ builds }) => ({ builds: new Map(builds).set(build.id, build) }));
}

export function endBuild(id: string, end: Partial<Build> & Pick<Build, "status">): void {
  const build = useBuilds.getState().builds.get(id);
  if (build) putBuild({ ...build, ...end, endedAt: Date.now() });
}
