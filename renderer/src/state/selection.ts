import { goTo } from "./layout.ts";
import { RowSelection } from "./row-selection.ts";

export const containerRows = new RowSelection();
export const imageRows = new RowSelection();

/** Which containers are meant. */
export const useSelection = containerRows.use;
/** Which images are meant. */
export const useImageSelection = imageRows.use;

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
