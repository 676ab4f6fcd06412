import { unwatchFile, watchFile, type StatsListener } from "node:fs";
import { type Disposable, toDisposable } from "#shared/base/disposable";

/** Milliseconds between two looks. */
const interval = 2000;

/**
 * Calls `onChange` when what a path leads to is written anew, or is another file: a machine that comes into another
 * network asks other name servers. It is looked at, not watched: /etc/resolv.conf is a link on many machines, to a
 * file in a directory that may not be there yet.
 */
export function watchResolver(path: string, onChange: () => void): Disposable {
  const look: StatsListener = (now, before) => {
    const same = now.ino === before.ino && now.dev === before.dev && now.mtimeMs === before.mtimeMs;
    if (!same) onChange();
  };
  watchFile(path, { persistent: false, interval }, look);
  return toDisposable(() => unwatchFile(path, look));
}
