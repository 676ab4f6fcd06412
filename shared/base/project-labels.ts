/** Labels by which something is known to be a project's; docker compose's own. */
export const projectLabels = {
  project: "com.docker.compose.project",
  service: "com.docker.compose.service",
  number: "com.docker.compose.container-number",
  hash: "com.docker.compose.config-hash",
  directory: "com.docker.compose.project.working_dir",
  network: "com.docker.compose.network",
  volume: "com.docker.compose.volume",
  oneOff: "com.docker.compose.oneoff",
} as const;
