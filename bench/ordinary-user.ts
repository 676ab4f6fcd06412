import { chmod, chown, mkdir } from "node:fs/promises";

/** Whom scripts/bench.mjs makes for the contenders that take no root, and removes. */
export interface OrdinaryUser {
  uid: number;
  /** Begins an argv that is run as that user; variables for it may come next, as for env(1). */
  as: string[];
  /** argv of the built headless core, as that user sees it. */
  headless: string[];
}

export function ordinaryUser(): OrdinaryUser {
  const told = process.env.SHIMYARD_BENCH_USER;
  if (!told) throw new Error("No ordinary user was made: start this with npm run bench");
  return JSON.parse(told) as OrdinaryUser;
}

/** Makes a contender's directory; the user's own, if it is for one, and then for nobody else. */
export async function makeOwn(path: string, user: OrdinaryUser | undefined): Promise<void> {
  await mkdir(path, { recursive: true });
  if (!user) return;
  await chown(path, user.uid, user.uid);
  await chmod(path, 0o700);
}

/** Before the name of whoever has no root. */
export const rootless = (user: OrdinaryUser | undefined): string => (user ? "rootless " : "");
