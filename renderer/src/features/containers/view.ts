import { portWords } from "#shared/base/port-words";
import { projectLabels } from "#shared/base/project-labels";
import type { Container } from "#shared/contract/containers";
import type { Sample } from "#shared/contract/stats";
import { isTrouble, statusLook } from "../../components/status-mark.tsx";
import type { ContainerListState, Segment } from "../../state/container-list.ts";

/** When the present state began, for the Since column; absent where it says nothing. */
export function sinceOf({ state }: Container): number | undefined {
  return state.status === "exited" ? state.exitedAt : state.startedAt;
}

export function isLive(container: Container): boolean {
  return container.state.status === "running" || container.state.status === "paused";
}

export function inSegment(container: Container, segment: Segment): boolean {
  const { status } = container.state;
  switch (segment) {
    case "running":
      return status === "running" || status === "paused";
    case "stopped":
      return status === "exited" || status === "created";
    case "trouble":
      return isTrouble(container.state);
    default:
      return true;
  }
}

type Test = (container: Container) => boolean;

/**
 * A filter's text as a test: words that must all be found, in name, image, id or labels; with a
 * prefix, `label:`, `status:`, `image:`, `name:`, `runtime:` or `project:`, only there (a project by its whole name). Case does not matter.
 */
export function parseFilter(text: string): Test {
  const tests = text.toLowerCase().split(/\s+/).filter(Boolean).map(parseWord);
  return (container) => tests.every((test) => test(container));
}

function parseWord(word: string): Test {
  const [, key, value] = /^(label|status|image|name|runtime|project):(.*)$/.exec(word) ?? [];
  if (key !== undefined && value !== undefined) {
    if (value === "") return () => true;
    switch (key) {
      case "label":
        return (container) => labelsOf(container).some((label) => label.includes(value));
      case "status":
        return ({ state }) =>
          state.status.startsWith(value) ||
          (state.activity?.startsWith(value) ?? false) ||
          statusLook(state).word.toLowerCase().startsWith(value);
      case "image":
        return ({ image }) => image.name.toLowerCase().includes(value);
      case "project":
        return (container) => projectOf(container) === value;
      case "name":
        return ({ name }) => name.toLowerCase().includes(value);
      default:
        return ({ runtime }) => runtime.toLowerCase().includes(value);
    }
  }
  return (container) =>
    container.name.toLowerCase().includes(word) ||
    container.image.name.toLowerCase().includes(word) ||
    container.id.startsWith(word) ||
    labelsOf(container).some((label) => label.includes(word));
}

/** The project that it is a part of. */
export const projectOf = ({ labels }: Container): string | undefined =>
  labels[projectLabels.project];

function labelsOf({ labels }: Container): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`.toLowerCase());
}

const names = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const statusOrder: Container["state"]["status"][] = [
  "running",
  "paused",
  "created",
  "exited",
  "unknown",
  "shim-lost",
];

/** The order of two containers; equal ones are put in order by name. `sampleOf` gives their loads. */
export function comparator(
  sort: ContainerListState["sort"],
  sampleOf: (id: string) => Sample | undefined,
): (a: Container, b: Container) => number {
  const by = keyComparator(sort.key, sampleOf);
  const sign = sort.descending ? -1 : 1;
  return (a, b) => sign * by(a, b) || names.compare(a.name, b.name) || (a.id < b.id ? -1 : 1);
}

function keyComparator(
  key: ContainerListState["sort"]["key"],
  sampleOf: (id: string) => Sample | undefined,
): (a: Container, b: Container) => number {
  switch (key) {
    case "state":
      return (a, b) =>
        statusOrder.indexOf(a.state.status) - statusOrder.indexOf(b.state.status) ||
        (a.state.exitCode ?? 0) - (b.state.exitCode ?? 0);
    case "image":
      return (a, b) => names.compare(a.image.name, b.image.name);
    case "cpu":
      return (a, b) => (sampleOf(a.id)?.cpu ?? -1) - (sampleOf(b.id)?.cpu ?? -1);
    case "memory":
      return (a, b) => (sampleOf(a.id)?.memory ?? -1) - (sampleOf(b.id)?.memory ?? -1);
    case "since":
      // The shortest time first.
      return (a, b) => (sinceOf(b) ?? -1) - (sinceOf(a) ?? -1);
    case "runtime":
      return (a, b) => names.compare(a.runtime, b.runtime);
    default:
      return (a, b) => names.compare(a.name, b.name);
  }
}

/** How many there are in each segment. */
export function segmentCounts(containers: Iterable<Container>): Record<Segment, number> {
  const counts = { all: 0, running: 0, stopped: 0, trouble: 0 };
  for (const container of containers) {
    counts.all += 1;
    for (const segment of ["running", "stopped", "trouble"] as const) {
      if (inSegment(container, segment)) counts[segment] += 1;
    }
  }
  return counts;
}

/** `8443 → 443`, `127.0.0.1:8888`; several with a comma. */
export function portText(ports: Container["ports"]): string {
  return ports.map(portWords).join(", ");
}

/** What compose keeps its books by; of all that only the project says something to a person. */
const bookkeeping = "com.docker.compose.";

/** `tier=front, project:shop`, the project as the filter knows it. */
export function labelText(container: Container): string {
  const project = projectOf(container);
  const own = Object.entries(container.labels)
    .filter(([key]) => !key.startsWith(bookkeeping))
    .map(([key, value]) => (value === "" ? key : `${key}=${value}`))
    .sort();
  return [...own, ...(project === undefined ? [] : [`project:${project}`])].join(", ");
}

/** What can be done to containers in their present state. */
export interface Possible {
  start: boolean;
  stop: boolean;
  pause: boolean;
  resume: boolean;
}

export function possible({ state }: Container): Possible {
  const busy = state.activity !== undefined;
  const { status } = state;
  return {
    start: !busy && (status === "created" || status === "exited"),
    stop:
      (status === "running" || status === "paused" || status === "shim-lost") &&
      state.activity !== "deleting",
    pause: !busy && status === "running",
    resume: !busy && status === "paused",
  };
}
