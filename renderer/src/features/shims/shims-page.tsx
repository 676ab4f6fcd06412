import { Cable } from "lucide-react";
import { useMemo, useState } from "react";
import type { Shim } from "#shared/contract/shims";
import { EmptyState } from "../../components/empty-state.tsx";
import { plural } from "../../components/format.ts";
import { Page } from "../../components/page.tsx";
import { ByteCount } from "../../components/quantity.tsx";
import { Waiting } from "../../components/waiting.tsx";
import { useContainers } from "../../queries/containers.ts";
import { useExtensions } from "../../queries/extensions.ts";
import { useShimMemory, useShims } from "../../queries/shims.ts";
import { FilterBox } from "../grid/filter-box.tsx";
import { ShimRow } from "./shim-row.tsx";
import { compareShims, containersOf, memoryOf, onePerShim } from "./shim-state.ts";
import "./shims.css";

/** Every shim: what holds the containers, whether this window is there or not. */
export function ShimsPage() {
  const shims = useShims();
  const containers = useContainers();
  const extensions = useExtensions();
  const memory = useShimMemory();
  const [filter, setFilter] = useState("");
  const all = useMemo(() => onePerShim(shims.items.values()).sort(compareShims), [shims]);
  const rows = useMemo(() => {
    const text = filter.trim().toLowerCase();
    const matches = (shim: Shim): boolean => {
      const names = containersOf(shim).map((id) => containers.items.get(id)?.name);
      const pids = shim.processes.map(({ pid }) => pid).join(" ");
      return [...names, shim.id, shim.kind, shim.runtimeId, shim.status, pids]
        .join(" ")
        .toLowerCase()
        .includes(text);
    };
    return all.filter(matches);
  }, [all, containers, filter]);
  const total = memoryOf(
    all.flatMap(({ processes }) => processes),
    memory,
  );
  return (
    <Page
      title="Shims"
      tools={
        <>
          <FilterBox
            label="Filter shims"
            title="A part of a container's name, state, runtime or process id"
            value={filter}
            onChange={setFilter}
          />
          {all.length > 0 && (
            <span className="shims__total muted num">
              {plural(all.length, "shim")}
              {total !== undefined && (
                <>
                  , <ByteCount value={total} /> in all
                </>
              )}
            </span>
          )}
        </>
      }
    >
      {shims.status === "loading" ? (
        <Waiting what="shims" />
      ) : rows.length === 0 ? (
        <EmptyState icon={Cable} title={filter ? "No shim matches" : "No shims"}>
          {!filter &&
            "Each running container is held by a small process of its own, its shim, which keeps its output, its terminal and its exit status while this window is closed. Start a container, and its shim is here."}
        </EmptyState>
      ) : (
        <div className="shims" role="table" aria-label="Shims">
          <div className="shims__head shims__cells" role="row">
            {["", "Container", "State", "Shim", "Runtime", "PID", "Memory", "Age", ""].map(
              (label, index) => (
                <span
                  // The first and the last have no label.
                  key={label || index}
                  role="columnheader"
                  className={["PID", "Memory", "Age"].includes(label) ? "shims__number" : ""}
                >
                  {label || (
                    <span className="visually-hidden">{index === 0 ? "Details" : "Actions"}</span>
                  )}
                </span>
              ),
            )}
          </div>
          {rows.map((shim) => (
            <ShimRow
              key={shim.id}
              shim={shim}
              held={containersOf(shim).map((id) => {
                const name = containers.items.get(id)?.name;
                const extension = name === undefined ? extensions.items.get(id) : undefined;
                const isExtension = extension !== undefined;
                return { id, name: name ?? extension?.manifest.title, isExtension };
              })}
              memory={memory}
            />
          ))}
        </div>
      )}
    </Page>
  );
}
