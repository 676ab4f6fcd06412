import { config } from "zod";

/**
 * Before any schema is made, so imported first: zod tries whether it may compile its parsers, and the page's policy
 * reports the attempt although it forbids it.
 */
config({ jitless: true });
