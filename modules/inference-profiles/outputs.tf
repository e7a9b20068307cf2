output "region" {
  description = "Region of the profiles: that of the module's provider."
  value       = local.region
}

output "arns" {
  description = "ARN of each profile, by customer key and model id; the entry of this region in `inference_profiles` of the module operations-role-fleet."
  value = {
    for key, models in var.models : key => {
      for model in models : model => aws_bedrock_inference_profile.this["${key}/${model}"].arn
    }
  }
}
