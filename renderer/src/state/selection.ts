import { goTo } from "./layout.ts";
import { RowSelection } from "./row-selection.ts";

export const containerRows = new RowSelection();
export const imageRows = new RowSelection();
export const projectRows = new RowSelection();
export const volumeRows = new RowSelection();

/** Which containers are meant. */
export const useSelection = containerRows.use;
/** Which images are meant. */
export const useImageSelection = imageRows.use;
/** Which projects are meant; the page of the inspected one takes the list's place. */
export const useProjectSelection = projectRows.use;

/** Which volumes are meant. */
export const useVolumeSelection = volumeRows.use;

/** Opens a container's page beside the list, from wherever one is. */
export function inspect(id: string): void {
  goTo("containers");
  containerRows.inspect(id);
}

/** Opens an image's page beside the list, from wherever one is. */
export function inspectImage(id: string): void {
  goTo("images");
  imageRows.inspect(id);
}

/** Opens a project's page, from wherever one is. */
export function inspectProject(id: string): void {
  goTo("projects");
  projectRows.inspect(id);
}

/** Opens a volume's page beside the list, from wherever one is. */
export function inspectVolume(id: string): void {
  goTo("volumes");
  volumeRows.inspect(id);
}
