/** Begins the name by which terminals and logs know a container that is not ours (contract/remotes.ts). */
export const elsewherePrefix = "elsewhere-";

export function isElsewhere(containerId: string): boolean {
  return containerId.startsWith(elsewherePrefix);
}
