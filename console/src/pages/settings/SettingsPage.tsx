import { Loading } from "../../parts/Loading";
import { Page } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { SigningKeys } from "../../parts/SigningKeys";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { Certificates } from "./Certificates";
import { ConfigSchema } from "./ConfigSchema";
import { useSettings } from "./data";
import { Enrollment } from "./Enrollment";
import { EnrollmentTokens } from "./EnrollmentTokens";
import { Guarding } from "./Guarding";
import { RetentionForm } from "./RetentionForm";
import { Secrets } from "./Secrets";
import { SigningIn } from "./SigningIn";
import { Webhooks } from "./Webhooks";

/** Administrators change it; everybody else may read it. */
export function SettingsPage() {
  const text = useText();
  const may = useMay();
  const settings = useSettings();
  return (
    <Page title={text.shell.pages.settings}>
      {settings.isError && (
        <ProblemLine error={settings.error} onRetry={() => void settings.refetch()} />
      )}
      {settings.isPending && <Loading height={320} />}
      {settings.data && (
        <>
          <Enrollment settings={settings.data} />
          {may("enrollment-tokens:list") && <EnrollmentTokens />}
          <SigningIn settings={settings.data} />
          <Guarding settings={settings.data} />
          <RetentionForm settings={settings.data} />
        </>
      )}
      {may("certificates:list") && <Certificates />}
      {may("signing-keys:list") && <SigningKeys />}
      {may("secrets:list") && <Secrets />}
      {may("webhooks:list") && <Webhooks />}
      {may("config-schema:get") && <ConfigSchema />}
    </Page>
  );
}
