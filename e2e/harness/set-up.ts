import { forgetHost } from "#core/runtime/testing";
import { build } from "../../scripts/lib/build.mjs";

/** Builds what has changed, here, as packaging would do it while other tests run what is there. */
// oxlint-disable-next-line import/no-default-export -- Playwright's global set-up is one
export default async function setUp(): Promise<void> {
  await forgetHost();
  await build();
}
