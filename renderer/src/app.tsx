import { useEffect, useState } from "react";
import { TooltipProvider } from "./components/tooltip.tsx";
import { Shell } from "./features/shell/shell.tsx";
import { CoreProvider, createQueryClient, type WindowConnection } from "./queries/client.tsx";
import { useSettings } from "./queries/system.ts";
import { useTheme } from "./state/theme.ts";

/** The window, on a connection that is open. */
export function App(props: { connection: WindowConnection }) {
  const { connection } = props;
  const [queries] = useState(createQueryClient);
  return (
    <CoreProvider connection={connection} queries={queries}>
      <ThemeFromCore connection={connection} />
      <TooltipProvider>
        <Shell />
      </TooltipProvider>
    </CoreProvider>
  );
}

/** The core keeps the theme, so that all windows share it. */
function ThemeFromCore(props: { connection: WindowConnection }) {
  const { client } = props.connection;
  const theme = useSettings()?.theme;
  useEffect(() => {
    if (theme) useTheme.setState({ choice: theme });
  }, [theme]);
  useEffect(() => {
    // Without an answer the choice still holds in this window.
    const save = (choice: typeof theme): void =>
      void client.call("system.updateSettings", { theme: choice }).catch(() => undefined);
    useTheme.setState({ save });
    return () => {
      useTheme.setState({ save: undefined });
    };
  }, [client]);
  return null;
}
