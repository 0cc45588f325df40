/**
 * Stands for npm's form-data in the bundles. axios loads it for multipart uploads, which Bridgekeeper never makes, and
 * with it comes a list of all MIME types: 137 kB in every function. CloudStack is sent URL-encoded forms.
 */
module.exports = class NoFormData {
  constructor() {
    throw new Error('multipart forms are left out of the bundles: see infra/aws/noFormData.cjs')
  }
}
