import { PREFIX } from "../api/prefix";
import { AcceptInvitation } from "./Invitation";
import { ShowCode } from "./ShowCode";
import { SignIn } from "./SignIn";

type Props = { because: "never" | "left" | "ended"; challenge: string | null };

/** What somebody sees who has not signed in. */
export function Entrance({ because, challenge }: Props) {
  if (challenge !== null) return <ShowCode challenge={challenge} />;
  if (location.pathname === `${PREFIX}/invitation`) return <AcceptInvitation />;
  return <SignIn ended={because === "ended"} />;
}
