/** Deployments as they go on. */
import { all, api, data, page } from "../../api/client";
import type { Deployment } from "../../api/firmware";
import { useCampaign, useCampaignRows, useCampaigns } from "../../live/useCampaigns";

const LIMIT = 500;

export const deploymentKey = (id: string) => ["deployment", id] as const;

export const useDeployments = () =>
  useCampaigns(["deployments"], query =>
    page(api.GET("/api/v1/firmware/deployments", { params: { query } })),
  );

export const useDeployment = (id: string) =>
  useCampaign(deploymentKey(id), () =>
    data(api.GET("/api/v1/firmware/deployments/{id}", { params: { path: { id } } })),
  );

export const useRows = (deployment: Deployment) =>
  useCampaignRows(deployment, ["deployment-devices", deployment.id], () =>
    all(cursor => {
      const params = { path: { id: deployment.id }, query: { limit: LIMIT, ...cursor } };
      return page(api.GET("/api/v1/firmware/deployments/{id}/devices", { params }));
    }),
  );
