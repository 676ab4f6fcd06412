/** Where the window changes its shape; shell.css says the same. */
export const iconRailQuery = "(max-width: 1000px)";
/** The inspector then lies over the list. */
export const overlayQuery = "(max-width: 900px)";
