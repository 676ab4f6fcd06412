import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Paths } from "#core/host/paths";
import { elsewhereDir } from "#core/host/paths";
import type { Privileges } from "#core/host/privileges";
import { ProcessWatch } from "#core/host/proc";
import type { Disposable } from "#shared/base/disposable";
import { elsewherePrefix } from "#shared/base/elsewhere";
import { AppError } from "#shared/errors";
import type { HostShared } from "../runtime/host-shared.ts";
import { findBinaries } from "../runtime/oci/plugin.ts";
import { type RemoteAddress, Visit } from "./visit.ts";

/** What terminals and logs call a container elsewhere: a name as our own containers have. */
export function elsewhereId({ address, namespace, id }: Omit<RemoteAddress, "name">): string {
  const key = [address, namespace, id].join(" ");
  const hash = createHash("sha256").update(key).digest("hex");
  return `${elsewherePrefix}${hash.slice(0, 32)}`;
}

/** All that is ours in other owners' containers, kept in `data/elsewhere`. */
export class Visits implements Disposable {
  readonly #context: { paths: Paths; privileges: Privileges };
  readonly #visits = new Map<string, Visit>();
  #shared: Promise<HostShared> | undefined;

  constructor(context: { paths: Paths; privileges: Privileges }) {
    this.#context = context;
  }

  /** Takes up what earlier managers left. */
  async load(): Promise<Visit[]> {
    const root = elsewhereDir(this.#context.paths);
    const names = await readdir(root).catch(() => [] as string[]);
    if (names.length === 0) return [];
    const shared = await this.#open();
    await Promise.all(
      names.map(async (name) => {
        const visit = await Visit.load(shared, name, join(root, name));
        if (visit) this.#visits.set(name, visit);
      }),
    );
    return [...this.#visits.values()];
  }

  get(id: string): Visit | undefined {
    return this.#visits.get(id);
  }

  /** The one of a container; on disk once there is something to keep. FAILED_PRECONDITION without conmon. */
  async at(container: RemoteAddress): Promise<Visit> {
    const id = elsewhereId(container);
    const shared = await this.#open();
    const known = this.#visits.get(id);
    if (known) return known;
    const visit = new Visit(shared, id, this.#directory(id), container);
    this.#visits.set(id, visit);
    return visit;
  }

  /** Its container is gone; see Visit.remove. */
  async remove(
    container: Omit<RemoteAddress, "name">,
    what: { all: boolean } = { all: false },
  ): Promise<void> {
    const id = elsewhereId(container);
    const visit = this.#visits.get(id);
    this.#visits.delete(id);
    await visit?.remove(what);
    // An event may have told of it before.
    if (what.all) await rm(this.#directory(id), { recursive: true, force: true });
  }

  dispose(): void {
    for (const visit of this.#visits.values()) visit.dispose();
    this.#visits.clear();
  }

  #directory(id: string): string {
    return join(elsewhereDir(this.#context.paths), id);
  }

  #open(): Promise<HostShared> {
    this.#shared ??= openShared(this.#context).catch((error: unknown) => {
      // conmon may be installed meanwhile.
      this.#shared = undefined;
      throw error;
    });
    return this.#shared;
  }
}

async function openShared(context: { paths: Paths; privileges: Privileges }): Promise<HostShared> {
  const { conmon, busybox } = await findBinaries();
  if (!conmon) {
    throw new AppError("FAILED_PRECONDITION", "conmon, which holds terminals, is not installed", {
      hint: "The System page says how to install it.",
    });
  }
  return {
    ...{ id: "containerd", ...context, busybox, processWatch: new ProcessWatch() },
    conmon: { path: conmon, version: "" },
  };
}
