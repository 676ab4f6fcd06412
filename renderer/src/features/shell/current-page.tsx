import { ErrorBoundary } from "../../components/error-boundary.tsx";
import { type PageName, useLayout } from "../../state/layout.ts";
import { ActivityPage } from "../activity/activity-page.tsx";
import { CheckpointsPage } from "../checkpoints-page/checkpoints-page.tsx";
import { ContainersPage } from "../containers/containers-page.tsx";
import { ExtensionsPage } from "../extensions/extensions-page.tsx";
import { ImagesPage } from "../images/images-page.tsx";
import { NetworksPage } from "../networks/networks-page.tsx";
import { ProjectsPage } from "../projects/projects-page.tsx";
import { RemotesPage } from "../remotes/remotes-page.tsx";
import { ShimsPage } from "../shims/shims-page.tsx";
import { SystemPage } from "../system/system-page.tsx";
import { VolumesPage } from "../volumes/volumes-page.tsx";

const screens: Record<PageName, () => React.ReactNode> = {
  containers: ContainersPage,
  images: ImagesPage,
  volumes: VolumesPage,
  networks: NetworksPage,
  projects: ProjectsPage,
  checkpoints: CheckpointsPage,
  shims: ShimsPage,
  elsewhere: RemotesPage,
  extensions: ExtensionsPage,
  activity: ActivityPage,
  system: SystemPage,
};

export function CurrentPage() {
  const page = useLayout((state) => state.page);
  const Screen = screens[page];
  return (
    <ErrorBoundary of={page} className="work__failed">
      <Screen />
    </ErrorBoundary>
  );
}
