import type { Image } from "#shared/contract/images";
import { shortId } from "../../components/format.ts";

/** What an image is called: its first name, else the first digits of its id. */
export function imageName({ names, id }: Pick<Image, "names" | "id">): string {
  return names[0] ?? shortId(id);
}

/** `ghcr.io/a/b:1` in its repository and what follows it: `:1`, `@sha256:...`, or nothing. */
export function splitReference(reference: string): { repository: string; tag: string } {
  const at = reference.indexOf("@");
  const name = at < 0 ? reference : reference.slice(0, at);
  const colon = name.indexOf(":", name.lastIndexOf("/") + 1);
  const end = colon < 0 ? name.length : colon;
  return { repository: reference.slice(0, end), tag: reference.slice(end) };
}

/**
 * The registry that a reference goes to, by docker's rule (distribution/reference, normalize.go): the first
 * part, if it has a dot or a colon or is `localhost`; else docker.io.
 */
export function registryOf(reference: string): string {
  const slash = reference.indexOf("/");
  const first = slash < 0 ? "" : reference.slice(0, slash);
  return /[.:]/.test(first) || first === "localhost" ? first : "docker.io";
}
