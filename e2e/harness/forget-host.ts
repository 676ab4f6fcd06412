import { forgetHost } from "#core/runtime/testing";

// oxlint-disable-next-line import/no-default-export -- Playwright's global set-up is one
export default forgetHost;
