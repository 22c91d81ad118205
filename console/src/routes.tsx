/** Every page of the console, its path and what its address may say. Pages are loaded when opened. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  lazyRouteComponent,
} from "@tanstack/react-router";
import { PREFIX } from "./api/prefix";
import { Crashed } from "./app/Boundary";
import { InvitationPage } from "./app/Invitation";
import { Home } from "./app/NotAllowed";
import { Shell } from "./app/Shell";
import { applicationsSearch, revisionSearch } from "./pages/applications/search";
import { approvalsSearch } from "./pages/approvals/search";
import { approveSearch } from "./pages/approve/search";
import { auditSearch } from "./pages/audit/search";
import { commandsSearch } from "./pages/commands/search";
import { deviceSearch } from "./pages/device/search";
import { firmwareSearch } from "./pages/firmware/search";
import { fleetSearch } from "./pages/fleet/search";
import { groupsSearch } from "./pages/groups/search";
import { usersSearch } from "./pages/users/search";
import { Empty } from "./parts/Empty";
import { QuestionIcon } from "./parts/icons";
import { Page } from "./parts/Page";
import { useText } from "./text";

type Search = Record<string, unknown>;

/**
 * What an address says that its page does not know is as if absent. The router lays what `known`
 * answers over what stands there, so that a value it leaves out would still be handed to the page.
 */
function only<T extends object>(known: (search: Search) => T): (search: Search) => T {
  return search => ({
    ...Object.fromEntries(Object.keys(search).map(key => [key, undefined])),
    ...known(search),
  });
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const of = () => root;

const home = createRoute({
  getParentRoute: of,
  path: "/",
  component: Home,
});

const pages = [
  createRoute({
    getParentRoute: of,
    path: "/devices",
    validateSearch: only(fleetSearch),
    component: lazyRouteComponent(() => import("./pages/fleet/FleetPage"), "FleetPage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/devices/$deviceId",
    validateSearch: only(deviceSearch),
    component: lazyRouteComponent(() => import("./pages/device/DevicePage"), "DevicePage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/commands",
    validateSearch: only(commandsSearch),
    component: lazyRouteComponent(() => import("./pages/commands/CommandsPage"), "CommandsPage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/campaigns",
    component: lazyRouteComponent(() => import("./pages/campaigns/CampaignsPage"), "CampaignsPage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/campaigns/$campaignId",
    component: lazyRouteComponent(() => import("./pages/campaigns/CampaignPage"), "CampaignPage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/firmware",
    validateSearch: only(firmwareSearch),
    component: lazyRouteComponent(() => import("./pages/firmware/FirmwarePage"), "FirmwarePage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/firmware/deployments/$deploymentId",
    component: lazyRouteComponent(
      () => import("./pages/firmware/DeploymentPage"),
      "DeploymentPage",
    ),
  }),
  createRoute({
    getParentRoute: of,
    path: "/applications",
    validateSearch: only(applicationsSearch),
    component: lazyRouteComponent(
      () => import("./pages/applications/ApplicationsPage"),
      "ApplicationsPage",
    ),
  }),
  createRoute({
    getParentRoute: of,
    path: "/applications/$name",
    component: lazyRouteComponent(
      () => import("./pages/applications/ApplicationPage"),
      "ApplicationPage",
    ),
  }),
  createRoute({
    getParentRoute: of,
    path: "/applications/$name/revisions/$revision",
    validateSearch: only(revisionSearch),
    component: lazyRouteComponent(
      () => import("./pages/applications/RevisionPage"),
      "RevisionPage",
    ),
  }),
  createRoute({
    getParentRoute: of,
    path: "/applications/$name/rollouts/$rollOutId",
    component: lazyRouteComponent(() => import("./pages/applications/RollOutPage"), "RollOutPage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/schedules",
    component: lazyRouteComponent(() => import("./pages/schedules/SchedulesPage"), "SchedulesPage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/approvals",
    validateSearch: only(approvalsSearch),
    component: lazyRouteComponent(() => import("./pages/approvals/ApprovalsPage"), "ApprovalsPage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/groups",
    validateSearch: only(groupsSearch),
    component: lazyRouteComponent(() => import("./pages/groups/GroupsPage"), "GroupsPage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/users",
    validateSearch: only(usersSearch),
    component: lazyRouteComponent(() => import("./pages/users/UsersPage"), "UsersPage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/audit",
    validateSearch: only(auditSearch),
    component: lazyRouteComponent(() => import("./pages/audit/AuditPage"), "AuditPage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/settings",
    component: lazyRouteComponent(() => import("./pages/settings/SettingsPage"), "SettingsPage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/health",
    component: lazyRouteComponent(() => import("./pages/health/HealthPage"), "HealthPage"),
  }),
  createRoute({ getParentRoute: of, path: "/invitation", component: InvitationPage }),
  // Where a provider's page brings somebody back to who is not let in; who is goes on from there.
  createRoute({ getParentRoute: of, path: "/login", component: Home }),
  createRoute({
    getParentRoute: of,
    path: "/device",
    validateSearch: only(approveSearch),
    component: lazyRouteComponent(() => import("./pages/approve/ApprovePage"), "ApprovePage"),
  }),
  createRoute({
    getParentRoute: of,
    path: "/organisations",
    component: lazyRouteComponent(
      () => import("./pages/organisations/OrganisationsPage"),
      "OrganisationsPage",
    ),
  }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren([home, ...pages]),
  basepath: PREFIX || "/",
  defaultErrorComponent: ({ error, reset }) => <Crashed error={error} retry={reset} />,
  defaultPreload: "intent",
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function NotFound() {
  const text = useText().shell;
  return (
    <Page title={text.notFound}>
      <Empty icon={QuestionIcon} title={text.notFound}>
        <Link to="/devices">{text.toFleet}</Link>
      </Empty>
    </Page>
  );
}
