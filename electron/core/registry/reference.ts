import { AppError } from "#shared/errors";
import { Digest } from "../content/digest.ts";

/**
 * The name of an image in a registry, normalised as docker does: `alpine` is
 * docker.io/library/alpine:latest. With a digest, that is what is meant, and the tag is only a name for it.
 */
export interface Reference {
  /** `docker.io`, `localhost:5000`, `[::1]:5000`: as one names it, which is not always where it is served. */
  registry: string;
  /** `library/alpine`. */
  repository: string;
  tag?: string;
  digest?: Digest;
}

const defaultRegistry = "docker.io";
const officialPrefix = "library/";
const defaultTag = "latest";

/** github.com/distribution/reference, regexp.go. */
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const host =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]{1,5})?$/;
const tagForm = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** Characters of registry and repository together. */
const longestName = 255;

/**
 * Parses and normalises what a user writes. INVALID_ARGUMENT says what is wrong with it. Without a tag and a
 * digest it gets the tag "latest".
 */
export function parseReference(text: string): Reference {
  const { name, tag, digest } = split(text);
  const { registry, repository } = splitName(name);
  const refuse = (why: string, hint: string): AppError =>
    new AppError("INVALID_ARGUMENT", `"${text.slice(0, 300)}" is not an image's name: ${why}`, {
      field: "name",
      hint,
    });
  const example = "Write it as alpine, alpine:3.20 or registry.example.com/team/app:tag.";
  if (name === "") throw refuse("there is nothing before its tag", example);
  if (/^[0-9a-f]{64}$/.test(text)) throw refuse("this is an id, not a name", example);
  if (!isRegistry(registry)) throw refuse(`"${registry}" is not a host`, example);
  if (repository !== repository.toLowerCase()) {
    throw refuse("its name has upper-case letters", "Write the name in lower case.");
  }
  const wrong = repository.split("/").find((part) => !component.test(part));
  if (wrong !== undefined) {
    const what = wrong === "" ? "a part of its name is empty" : `"${wrong}" can't be in a name`;
    throw refuse(what, "Use letters, digits, and single . _ - or double __ between them.");
  }
  if (registry.length + 1 + repository.length > longestName) {
    throw refuse(`it is longer than ${longestName} characters`, example);
  }
  if (tag !== undefined && !tagForm.test(tag)) {
    throw refuse(
      `"${tag}" is not a tag`,
      "A tag has up to 128 letters, digits, _ . - and begins with none of the last two.",
    );
  }
  if (digest !== undefined && !Digest.safeParse(digest).success) {
    throw refuse(`"${digest}" is not a digest`, "Write @sha256: and 64 hexadecimal digits.");
  }
  if (digest !== undefined) return { registry, repository, ...(tag && { tag }), digest };
  return { registry, repository, tag: tag ?? defaultTag };
}

/** Whether this can be a registry's host, with or without a port. */
export const isRegistry = (text: string): boolean => host.test(text);

/** Whole: `docker.io/library/alpine:latest`. Equal references have equal text. */
export function referenceText(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffix(reference)}`;
}

/** As docker shows it: `alpine:latest`. Parses to the same reference. */
export function familiarText(reference: Reference): string {
  const { registry, repository } = reference;
  return `${familiarName({ registry, repository })}${suffix(reference)}`;
}

/** The repository as docker shows it, without tag and digest: `alpine`. */
export function familiarName({
  registry,
  repository,
}: Pick<Reference, "registry" | "repository">): string {
  if (registry !== defaultRegistry) return `${registry}/${repository}`;
  const short = repository.startsWith(officialPrefix)
    ? repository.slice(officialPrefix.length)
    : repository;
  // What would be taken for a host, or has more parts, keeps its prefix.
  return short.includes("/") && short !== repository ? repository : short;
}

/** What stands in the place of a tag in the protocol's URLs: the digest where there is one. */
export const referenceTarget = ({ tag, digest }: Reference): string => digest ?? tag ?? defaultTag;

function suffix({ tag, digest }: Reference): string {
  return `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

function split(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const rest = at < 0 ? text : text.slice(0, at);
  // A colon before the last slash is a port's.
  const colon = rest.indexOf(":", rest.lastIndexOf("/") + 1);
  if (colon < 0) return { name: rest, digest };
  return { name: rest.slice(0, colon), tag: rest.slice(colon + 1), digest };
}

/** The first part is a host if it can't be anything else (distribution/reference, normalize.go). */
function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  let registry = isHost ? first : defaultRegistry;
  let repository = isHost ? name.slice(slash + 1) : name;
  if (registry === "index.docker.io" || registry === "registry-1.docker.io") {
    registry = defaultRegistry;
  }
  if (registry === defaultRegistry && !repository.includes("/")) {
    repository = officialPrefix + repository;
  }
  return { registry, repository };
}
