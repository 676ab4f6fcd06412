import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import { emptyDraft, type RunDraft } from "#shared/run-line/draft";
import { parseRunLine } from "#shared/run-line/parse-run-line";
import { openOverlay } from "../../state/overlays.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { Overlays } from "../shell/overlays.tsx";
import { readText, writeDefinition } from "./definition.ts";
import { filledForm } from "./filled-form.ts";
import { toConfig } from "./form.ts";
import { optionsForm, sectionSummary, toOptions } from "./options-form.ts";

vi.setConfig({ testTimeout: 60_000 });

const everything =
  "docker run -i --name web -u 1:1 -w /srv -h box -e A=1 -p 8080:80 --network back --ip 10.89.0.7 -v /a:/b:ro --mount type=bind,source=/c:d,target=/e --tmpfs /run:size=64m --device /dev/fuse --shm-size 1m --read-only -m 64m --memory-swap -1 --cpus 1.5 -c 512 --cpuset-cpus 0-1 --ulimit nofile=10:20 --ulimit core=0 --cap-drop ALL --cap-add KILL --cap-add CHOWN --security-opt no-new-privileges --security-opt seccomp=/p.json --sysctl net.core.somaxconn=9 --init --dns 1.1.1.1 --add-host db:10.0.0.2 --privileged --group-add 44 --device nvidia.com/gpu=all --userns auto:size=1000 --pid host --ipc container:db --uts host --cgroupns private --device-read-bps /dev/sda:1m --device-write-iops /dev/sda:9 --blkio-weight-device /dev/sda:20 --restart on-failure:3 --stop-signal SIGQUIT --stop-timeout 20 --health-cmd 'curl -f localhost' --health-interval 1m --health-retries 5 -l a=b nginx:1 sh -c 'a b'";

function draftOf(line: string) {
  const parsed = parseRunLine(line);
  if (!parsed.ok || parsed.notes.length > 0) throw new Error(JSON.stringify(parsed));
  return parsed.draft;
}

describe("the form", () => {
  it("makes what it was filled from", () => {
    const draft = draftOf(everything);
    const imageId = "a".repeat(64);
    const form = filledForm(draft, { name: "web", imageId, start: true });
    const { config, errors } = toConfig(form, undefined);
    expect(errors).toEqual({});
    expect(JSON.parse(JSON.stringify(config))).toEqual(
      JSON.parse(JSON.stringify({ ...draft, imageId })),
    );
  });

  it("says what is wrong at its field, and what a section holds", () => {
    const form = { volume: "/a:/b\nhe+re:/c", ulimit: "nofile=9:1", "read-only": "true" };
    const { errors } = toOptions(form);
    expect(errors).toEqual({
      mounts: expect.stringContaining("“he+re”") as string,
      ulimits: expect.stringContaining("above the hard") as string,
    });
    expect(sectionSummary(form, "files")).toBe("volume /a:/b he+re:/c · read-only");
  });
});

describe("mounts", () => {
  const open = async (pickPath: boolean) => {
    const core = new FakeCore();
    const [image] = core.images.items.values();
    if (!image) throw new Error("The fake core has no image");
    core.images.patch(image.id, (one) => ({
      ...one,
      config: { ...one.config, volumes: ["/var/lib/kept"] },
    }));
    core.shell.shell.host = () => ({ shell: "browser", pickPath });
    const user = userEvent.setup();
    renderWith(core, <Overlays />);
    openOverlay({ kind: "create", imageId: image.id });
    await user.click(await screen.findByRole("button", { name: /Files and devices/ }));
    return { core, user };
  };
  const lines = (): string => screen.getByLabelText<HTMLTextAreaElement>("Mounts").value;

  it("are completed from the volumes there are, and named where the image keeps something", async () => {
    const { core, user } = await open(false);
    expect(screen.queryByRole("button", { name: "Choose…" })).toBeNull();
    await user.type(screen.getByRole("combobox", { name: /Volume or path/ }), "shop");
    await user.click(await screen.findByRole("option", { name: /shop-data/ }));
    await user.click(screen.getByRole("button", { name: "/var/lib/kept" }));
    await user.click(screen.getByRole("button", { name: "Add" }));
    expect(lines()).toBe("shop-data:/var/lib/kept");
    await waitFor(() => expect(screen.queryByText(/The image keeps/)).toBeNull());
    await user.type(screen.getByLabelText("Seen at"), "/scratch{Enter}");
    expect(lines()).toBe("shop-data:/var/lib/kept\n/scratch");
    await user.click(screen.getByRole("button", { name: /^Create and start/ }));
    await waitFor(() =>
      expect(core.calls.find(({ method }) => method === "containers.create")?.input).toMatchObject({
        config: {
          mounts: [
            { type: "volume", source: "shop-data", target: "/var/lib/kept", readOnly: false },
            { type: "volume", target: "/scratch", readOnly: false },
          ],
        },
      }),
    );
  });

  it("of this machine are chosen in its own picker, where there is one", async () => {
    const { user } = await open(true);
    await user.click(await screen.findByRole("button", { name: "Choose…" }));
    await user.type(screen.getByLabelText("Seen at"), "/in{Enter}");
    expect(lines()).toBe("/srv/images/alpine.tar.gz:/in");
  });
});

describe("a definition", () => {
  it.each(["yaml", "json"] as const)("is read back from %s", (format) => {
    const draft = draftOf(everything);
    const read = readText(writeDefinition(draft, "nginx:1", format));
    expect(read).toEqual({ ok: true, draft, image: "nginx:1", start: true, notes: [] });
  });

  it("needs little, and says what is wrong where", () => {
    expect(readText("image: nginx\n")).toMatchObject({ ok: true, image: "nginx" });
    expect(readText("image: nginx\nlimits: { cpus: many }\n")).toMatchObject({
      ok: false,
      message: expect.stringMatching(/^limits\.cpus: /) as string,
    });
    expect(readText("image: nginx\nfrob: 1\n")).toMatchObject({ ok: false });
    expect(readText("hello")).toMatchObject({ ok: false });
  });
});

async function open(core: FakeCore) {
  const user = userEvent.setup();
  renderWith(core, <Overlays />);
  openOverlay({ kind: "create" });
  const dialog = await screen.findByRole("dialog");
  await waitFor(() =>
    expect(within(dialog).getByLabelText<HTMLInputElement>("Image").value).not.toBe(""),
  );
  return { user, dialog: within(dialog) };
}

const created = (core: FakeCore) =>
  core.calls.find(({ method }) => method === "containers.create")?.input as
    | { config: ContainerConfig; start: boolean }
    | undefined;

it("a line that is pasted into any field fills the form, and what is lost is said", async () => {
  const core = new FakeCore();
  const { user, dialog } = await open(core);
  const image = [...core.images.items.values()].find(({ names }) => names.length > 0);
  await user.click(dialog.getByLabelText("Name"));
  await user.paste(
    `docker run --publish-all --name pasted -v /srv:/srv:ro --cap-add NET_ADMIN ${image?.names[0]} sleep 9`,
  );
  const lost = within(dialog.getByLabelText("Not carried over"));
  expect(lost.getByText("--publish-all")).toBeTruthy();
  await user.click(dialog.getByRole("button", { name: "Fill the form" }));
  expect(dialog.getByLabelText<HTMLInputElement>("Name").value).toBe("pasted");
  await user.click(dialog.getByRole("button", { name: /^Files and devices/ }));
  expect(dialog.getByLabelText<HTMLTextAreaElement>("Mounts").value).toBe("/srv:/srv:ro");
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() => expect(created(core)).toBeDefined());
  expect(created(core)).toMatchObject({
    start: true,
    config: {
      ...{ name: "pasted", imageId: image?.id, args: ["sleep", "9"] },
      mounts: [{ type: "bind", source: "/srv", target: "/srv", readOnly: true }],
      security: { capAdd: ["CAP_NET_ADMIN"] },
    },
  });
});

it("a line that depends on where it is run asks for that", async () => {
  const core = new FakeCore();
  const { user, dialog } = await open(core);
  const image = [...core.images.items.values()].find(({ names }) => names.length > 0);
  await user.click(dialog.getByLabelText("Name"));
  await user.paste(`docker run -v $(pwd)/a:/a -v ~/b:/b ${image?.names[0]}`);
  expect(dialog.getByLabelText("Not carried over").textContent).toContain("$(pwd)/a:/a");
  await user.type(dialog.getByLabelText("The directory that the line would be run in"), "/srv");
  expect(dialog.queryByLabelText("Not carried over")).toBeNull();
  await user.click(dialog.getByRole("button", { name: "Fill the form" }));
  await user.click(dialog.getByRole("button", { name: /^Files and devices/ }));
  expect(dialog.getByLabelText<HTMLTextAreaElement>("Mounts").value).toBe("/srv/a:/a\n/root/b:/b");
});

it("another container's form is filled as that one was made", async () => {
  const core = new FakeCore();
  const [first] = core.containers.items.values();
  renderWith(core, <Overlays />);
  openOverlay({ kind: "duplicate", id: first?.id ?? "" });
  const dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByLabelText<HTMLInputElement>("Name").value).not.toBe(first?.name);
  await userEvent.setup().click(dialog.getByRole("button", { name: "As a docker run line" }));
  expect(dialog.getByText(/^docker run -d/).textContent).toContain("--name");
});

it("another container's form keeps what is typed when that one goes", async () => {
  const core = new FakeCore();
  const user = userEvent.setup();
  const [first] = core.containers.items.values();
  if (!first) throw new Error("The fake core has no container");
  renderWith(core, <Overlays />);
  openOverlay({ kind: "duplicate", id: first.id });
  const dialog = within(await screen.findByRole("dialog"));
  const name = dialog.getByLabelText<HTMLInputElement>("Name");
  await user.clear(name);
  await user.type(name, "typed");
  const asked = (): number => core.calls.filter(({ method }) => method === "containers.get").length;
  const before = asked();
  core.failNext("containers.get", {
    ...{ code: "NOT_FOUND", message: "There is no such container", details: {} },
  });
  core.containers.patch(first.id, (container) => ({
    ...container,
    state: { ...container.state, activity: "deleting" },
  }));
  await waitFor(() => expect(asked()).toBe(before + 1));
  // The refusal arrives.
  await act(() => new Promise((resolve) => setTimeout(resolve, 0)));
  await user.type(dialog.getByLabelText("Name"), "-on");
  expect(dialog.getByLabelText<HTMLInputElement>("Name").value).toBe("typed-on");
});

it("a line's file of variables is read from this machine, before the line's own", async () => {
  const core = new FakeCore();
  const { user, dialog } = await open(core);
  const image = [...core.images.items.values()].find(({ names }) => names.length > 0);
  await user.click(dialog.getByLabelText("Name"));
  await user.paste(`docker run --env-file /srv/app.env -e MODE=slow ${image?.names[0]}`);
  await user.click(
    await dialog.findByRole("button", { name: "Read the variables in /srv/app.env" }),
  );
  const lost = within(await dialog.findByLabelText("Not carried over"));
  await waitFor(() => expect(lost.queryByText(/--env-file/)).toBeNull());
  expect(lost.getByText("HOME")).toBeTruthy();
  await user.click(dialog.getByRole("button", { name: "Fill the form" }));
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() => expect(created(core)).toBeDefined());
  expect(created(core)?.config.env).toEqual(["LANG=C.UTF-8", "MODE=slow"]);
});

it("a check that the image has is shown, changed in part, or taken away", async () => {
  const core = new FakeCore();
  for (const id of core.images.items.keys()) {
    core.images.patch(id, (image) => {
      const healthCheck = { test: ["CMD", "pg_isready", "-q"], intervalSeconds: 10 };
      return { ...image, config: { ...image.config, healthCheck } };
    });
  }
  const { user, dialog } = await open(core);
  const head = dialog.getByRole("button", { name: /^Health/ });
  expect(head.textContent).toContain("pg_isready -q");
  await user.click(head);
  expect(dialog.getByLabelText<HTMLInputElement>("Interval").placeholder).toBe("10s");
  await user.type(dialog.getByLabelText("Interval"), "1m");
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() => expect(created(core)).toBeDefined());
  expect(created(core)?.config.healthCheck).toEqual({ intervalSeconds: 60 });
});

it("asks for an address and names in a network, the default one too", async () => {
  const core = new FakeCore();
  const { user, dialog } = await open(core);
  await user.click(dialog.getByRole("button", { name: /^Network/ }));
  await user.click(dialog.getByRole("button", { name: /^Addresses and aliases/ }));
  const bridge = within(dialog.getByRole("group", { name: /^In bridge/ }));
  await user.type(bridge.getByLabelText("IPv4 address"), "10.140.8.300");
  await user.type(bridge.getByLabelText("Aliases"), "db sql");
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  expect((await dialog.findByRole("alert")).textContent).toContain("In bridge: write an IPv4");
  await user.type(bridge.getByLabelText("IPv4 address"), "{Backspace}{Backspace}");
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() => expect(created(core)).toBeDefined());
  expect(created(core)?.config.networks).toEqual([
    { name: "bridge", ip4: "10.140.8.3", aliases: ["db", "sql"] },
  ]);
});

it("keeps its host name beside a restart policy with retries", async () => {
  const core = new FakeCore();
  const { user, dialog } = await open(core);
  await user.click(dialog.getByRole("button", { name: /^Environment, limits/ }));
  await user.selectOptions(dialog.getByLabelText("Restart policy"), "on-failure");
  await user.type(dialog.getByLabelText("Retries"), "3");
  await user.type(dialog.getByLabelText("Host name"), "box");
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() => expect(created(core)).toBeDefined());
  expect(created(core)?.config).toMatchObject({
    hostname: "box",
    restart: { name: "on-failure", maximumRetries: 3 },
  });
});

it("a check without a shell stays one", () => {
  const draft: RunDraft = { ...emptyDraft, healthCheck: { test: ["CMD", "a", "b c"] } };
  const { options, errors } = toOptions(optionsForm(draft));
  expect({ options, errors }).toEqual({ options: { healthCheck: draft.healthCheck }, errors: {} });
  const off = { "no-healthcheck": "true", "health-retries": "many" };
  expect(toOptions(off)).toEqual({ options: { healthCheck: { test: ["NONE"] } }, errors: {} });
});
