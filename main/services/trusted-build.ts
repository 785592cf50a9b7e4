import type { BuildService } from '../../app/contract/index.ts';
import type { TrustService } from '../../app/contract/trust.ts';

/** What is said where something would run the code of a folder that nobody has trusted. */
export const RESTRICTED = {
  code: 'untrusted',
  what: 'Nothing was built: this folder is in restricted mode.',
  why: 'building it would run the build scripts and procedural macros that it brings, and nobody has said that they are trusted',
  fix: 'Run the command "Workspaces: Manage Workspace Trust" if you trust whoever wrote this folder.',
};

/** Builds that wait for nobody's trust but have it, or fail. */
export function trustedBuild(build: BuildService, trust: Pick<TrustService, 'trust'>): BuildService {
  return {
    async *build(options) {
      const { trust: now } = trust;
      if (now.kind === 'restricted' && now.restrictsBuild) yield { kind: 'failed', error: RESTRICTED, errors: 0 };
      else yield* build.build(options);
    },
    size: (elfPath) => build.size(elfPath),
  };
}
