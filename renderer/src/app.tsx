import type { QueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { AppContract } from "#shared/contract/index";
import type { Settings } from "#shared/contract/system";
import type { Client } from "#shared/rpc/define";
import { TooltipProvider } from "./components/tooltip.tsx";
import { Unreached } from "./features/manager/unreached.tsx";
import { Shell } from "./features/shell/shell.tsx";
import {
  CoreProvider,
  createQueryClient,
  useConnection,
  useConnectionTrouble,
  type WindowConnections,
} from "./queries/client.tsx";
import { Live } from "./queries/live.ts";
import { useTheme } from "./state/theme.ts";

/** The window, on connections that may not be open yet. */
export function App(props: { connections: WindowConnections }) {
  const { connections } = props;
  const [queries] = useState(createQueryClient);
  useThemeOf(connections.user.client, queries);
  return (
    <CoreProvider connections={connections} queries={queries}>
      <TooltipProvider>
        <Entry />
      </TooltipProvider>
    </CoreProvider>
  );
}

/** Once its manager was reached, the window stays: what it knew is shown while the connection is away. */
function Entry() {
  const connected = useConnection() === "connected";
  const trouble = useConnectionTrouble();
  const [entered, setEntered] = useState(connected);
  if (connected && !entered) setEntered(true);
  if (entered) return <Shell />;
  return trouble ? <Unreached trouble={trouble} /> : null;
}

/** The user's own manager keeps the theme, so that all of their windows share it. */
function useThemeOf(client: Client<AppContract>, queries: QueryClient): void {
  useEffect(() => {
    const live = new Live(client, queries);
    live.watchItems("system.watchSettings", ({ theme }) => useTheme.setState({ choice: theme }));
    // Without an answer the choice still holds in this window.
    const save = (choice: Settings["theme"]): void =>
      void client.call("system.updateSettings", { theme: choice }).catch(() => undefined);
    useTheme.setState({ save });
    return () => {
      live.dispose();
      useTheme.setState({ save: undefined });
    };
  }, [client, queries]);
}
