import { randomBytes } from "node:crypto";

/** The id of a container, image or checkpoint: 64 hexadecimal digits, as docker's. */
export const newId = (): string => randomBytes(32).toString("hex");

/** The namespace of what the user makes; extensions have their own (containerd's namespaces). */
export const defaultNamespace = "default";

/** The namespace of extensions' containers: no list of the user's shows them. */
export const extensionsNamespace = "extensions";
