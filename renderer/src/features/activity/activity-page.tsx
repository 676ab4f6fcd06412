import { useState } from "react";
import { Page } from "../../components/page.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { useOperations } from "../../queries/activity.ts";
import { EventJournal } from "./event-journal.tsx";
import { OperationList } from "./operation-list.tsx";
import "./activity.css";

/** What is going on, and what has happened. */
export function ActivityPage() {
  const operations = useOperations();
  const running = [...operations.items.values()].filter(
    ({ status }) => status === "running",
  ).length;
  const [tab, setTab] = useState<"operations" | "events">(running > 0 ? "operations" : "events");
  return (
    <Page title="Activity">
      <Tabs
        label="Activity"
        value={tab}
        onChange={setTab}
        items={[
          { value: "events", label: "Events", content: <EventJournal /> },
          {
            value: "operations",
            label: "Operations",
            count: running || undefined,
            content: <OperationList operations={operations} />,
          },
        ]}
      />
    </Page>
  );
}
