import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { ImagesPage } from "../images/images-page.tsx";
import { Overlays } from "../shell/overlays.tsx";

vi.setConfig({ testTimeout: 30_000 });

async function open() {
  const core = new FakeCore();
  const user = userEvent.setup();
  renderWith(
    core,
    <>
      <ImagesPage />
      <Overlays />
    </>,
  );
  await user.click(await screen.findByRole("radio", { name: "Registries" }));
  return { core, user };
}

const row = async (host: string) =>
  within((await screen.findByText(host)).closest("[role=row]") as HTMLElement);
const dialog = async () => within(await screen.findByRole("dialog"));
const last = (core: FakeCore, method: string): unknown =>
  core.calls.findLast((call) => call.method === method)?.input;

it("says as whom each is used, and where what it takes lies", async () => {
  await open();
  expect((await row("ghcr.io")).getByText("in the system’s keychain")).toBeTruthy();
  expect((await row("10.0.3.7:5000")).getByText("not verified")).toBeTruthy();
  expect((await row("ghcr.io")).getByText("HTTPS")).toBeTruthy();
  const quay = await row("quay.io");
  const out = quay.getByRole("button", { name: "Sign out" });
  expect(out.getAttribute("aria-disabled")).toBe("true");
});

it("adds one with its mirrors, and says what not verifying it risks", async () => {
  const { core, user } = await open();
  await user.click(screen.getByRole("button", { name: "Add a registry…" }));
  const form = await dialog();
  await user.type(form.getByLabelText("Host"), "reg.example:5000");
  await user.type(form.getByLabelText("Mirrors"), "a.example, b.example:5000");
  expect(form.queryByText(/Anyone on the way/)).toBeNull();
  await user.click(form.getByRole("checkbox", { name: /Do not verify it/ }));
  expect(form.getByText(/Anyone on the way/)).toBeTruthy();
  await user.click(form.getByRole("button", { name: "Add" }));
  expect((await row("reg.example:5000")).getByText(/over a\.example/)).toBeTruthy();
  expect(last(core, "registries.put")).toEqual({
    host: "reg.example:5000",
    mirrors: ["a.example", "b.example:5000"],
    insecure: true,
    ca: undefined,
  });
});

it("does not say that one on this machine is reached over TLS", async () => {
  const { core } = await open();
  core.registries.put({ id: "127.0.0.1:5000", mirrors: [], insecure: false, own: false });
  expect((await row("127.0.0.1:5000")).getByText(/else HTTP/)).toBeTruthy();
});

it("tests one, and says inline what came of it", async () => {
  const { user } = await open();
  const good = await row("ghcr.io");
  await user.click(good.getByRole("button", { name: "Test" }));
  expect(await good.findByText("It answers, and knows you as mara.")).toBeTruthy();
  const bad = await row("10.0.3.7:5000");
  await user.click(bad.getByRole("button", { name: "Test" }));
  expect((await bad.findByRole("alert")).textContent).toContain("does not answer");
});

it("signs in and out", async () => {
  const { core, user } = await open();
  const hub = await row("docker.io");
  await user.click(hub.getByRole("button", { name: "Sign in" }));
  const form = await dialog();
  expect(form.getByText(/kept in the system’s keychain/)).toBeTruthy();
  expect(form.getByLabelText("Password or access token").getAttribute("type")).toBe("password");
  await user.type(form.getByLabelText("User"), "mara");
  await user.type(form.getByLabelText("Password or access token"), "s3cret{Enter}");
  await user.click(await hub.findByRole("button", { name: "Sign out" }));
  await hub.findByRole("button", { name: "Sign in" });
  expect(core.registries.items.get("docker.io")?.user).toBeUndefined();
});

it("asks before it forgets what was set", async () => {
  const { core, user } = await open();
  await user.click((await row("10.0.3.7:5000")).getByRole("button", { name: /^More for/ }));
  await user.click(await screen.findByRole("menuitem", { name: "Forget…" }));
  await user.click((await dialog()).getByRole("button", { name: "Forget" }));
  await waitFor(() => expect(core.registries.items.has("10.0.3.7:5000")).toBe(false));
});
