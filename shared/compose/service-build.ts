import { type Field, readKeys, type Unsupported } from "./field.ts";
import type { Lookup } from "./interpolate.ts";
import { pathOf } from "./load.ts";
import type { ServiceBuild } from "./project.ts";

/** What a service's image is built from. */
export function readBuild(field: Field, lookup: Lookup): ServiceBuild | undefined {
  const build = {
    ...{ dockerfile: undefined, target: undefined, args: {}, noCache: false, tags: [] },
  } as Omit<ServiceBuild, "context">;
  let context: string | undefined;
  const takeContext = (value: Field): void => {
    const text = value.text();
    if (text !== undefined && /^([a-z+]+:\/\/|git@|github\.com\/)/.test(text)) {
      value.note("error", "What is built has to be on this machine: fetch it first");
    } else context = pathOf(value);
  };
  if (!field.isDict) takeContext(field);
  else {
    if (!field.get("context")) field.note("error", "It names no context");
    readKeys(
      field,
      "A build",
      {
        context: takeContext,
        dockerfile: (value) => {
          build.dockerfile = value.text();
        },
        target: (value) => {
          build.target = value.text();
        },
        args: (value) => {
          for (const { key, value: given, field: pair } of value.pairs()) {
            const found = given ?? lookup(key);
            if (found !== undefined) build.args[key] = found;
            else pair.note("lost", `${key} has no value here: it is left out`);
          }
        },
        no_cache: (value) => {
          build.noCache = value.boolean() ?? false;
        },
        tags: (value) => {
          build.tags = value.texts();
        },
      },
      unsupported,
    );
  }
  return context === undefined ? undefined : { context, ...build };
}

const unsupported: Unsupported = {
  lost: {
    additional_contexts: "A build has one context here",
    dockerfile_inline: "Write the Dockerfile into a file of the context",
    entitlements: "A build gets no further rights here",
    extra_hosts: "A build has the machine's own names",
    isolation: "It is for Windows containers",
    labels: "Write them into the Dockerfile",
    network: "A build has the machine's own network",
    platforms: "It is built for this machine",
    privileged: "A build gets no further rights here",
    secrets: "A build gets no secrets here",
    shm_size: "It has the builder's own",
    ssh: "A build gets no keys here",
    ulimits: "It has the builder's own",
  },
  vain: {
    cache_from: "The cache is this machine's own",
    cache_to: "The cache is this machine's own",
    provenance: "It is not attested here",
    pull: "Base images are pulled when they are not here",
    sbom: "It is not attested here",
  },
};
