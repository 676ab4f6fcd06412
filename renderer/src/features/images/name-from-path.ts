/** An image name made of a path's last part: `/srv/Alpine-3.22.tar.gz` gives `alpine-3.22`. */
export function nameFromPath(path: string): string {
  const last = path.replace(/\/+$/, "").split("/").at(-1) ?? "";
  return last
    .toLowerCase()
    .replace(/\.(tar|tgz|txz|tzst|tar\.(gz|xz|zst|zstd|bz2))$/, "")
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 128);
}

/** The other way, for an archive of it: `ghcr.io/a/web:1.2` gives `web-1.2.tar`. */
export function fileFromName(name: string): string {
  const last = name.slice(name.lastIndexOf("/") + 1);
  return `${last.replaceAll(/[^A-Za-z0-9._-]+/g, "-")}.tar`;
}
